//! The messages of `greeter.proto`, and how they are written.
//!
//! The crates `tonic-prost` and `tonic-prost-build` make all of this from the file. It needs the compiler `protoc`, which
//! this example does without.

use std::marker::PhantomData;

use prost::Message;
use tonic::Status;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};

/// Somebody.
#[derive(Clone, PartialEq, Message)]
pub struct Name {
    /// How they are called.
    #[prost(string, tag = "1")]
    pub name: String,
}

/// What somebody is told.
#[derive(Clone, PartialEq, Message)]
pub struct Greeting {
    /// The words.
    #[prost(string, tag = "1")]
    pub text: String,
}

/// Protocol Buffers: sends `E` and gets `D`.
#[derive(Debug)]
pub struct Protobuf<E, D>(PhantomData<fn(E) -> D>);

impl<E, D> Default for Protobuf<E, D> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<E: Message + 'static, D: Message + Default + 'static> Codec for Protobuf<E, D> {
    type Encode = E;
    type Decode = D;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self::default()
    }

    fn decoder(&mut self) -> Self {
        Self::default()
    }
}

impl<E: Message, D> Encoder for Protobuf<E, D> {
    type Item = E;
    type Error = Status;

    fn encode(&mut self, item: E, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        let written = item.encode(buffer);
        written.map_err(|error| Status::internal(error.to_string()))
    }
}

impl<E, D: Message + Default> Decoder for Protobuf<E, D> {
    type Item = D;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<D>, Status> {
        let message = D::decode(buffer);
        let message = message.map_err(|error| Status::internal(error.to_string()))?;
        Ok(Some(message))
    }
}
