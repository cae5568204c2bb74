//! What crosses the border of the module: addresses of what it gives, and places for what it gets.

/// Bytes as address and length, as the ABI takes them.
pub(crate) fn pass(bytes: &[u8]) -> (u32, u32) {
    (bytes.as_ptr() as u32, bytes.len() as u32)
}

/// A place for a number that the host writes.
#[derive(Default)]
pub(crate) struct Slot<T: Copy>(T);

impl<T: Copy> Slot<T> {
    pub(crate) fn at(&mut self) -> u32 {
        &raw mut self.0 as u32
    }

    pub(crate) fn get(&self) -> T {
        // The compiler does not see that the host wrote here.
        unsafe { (&raw const self.0).read_volatile() }
    }
}

/// A place for bytes that the host allocates and fills.
#[derive(Default)]
pub(crate) struct Bytes {
    data: Slot<u32>,
    size: Slot<u32>,
}

impl Bytes {
    pub(crate) fn at(&mut self) -> (u32, u32) {
        (self.data.at(), self.size.at())
    }

    /// Takes over what the host wrote. Pointer 0 is nothing at all.
    pub(crate) fn take(&self) -> Vec<u8> {
        let (data, size) = (self.data.get(), self.size.get() as usize);
        if data == 0 || size == 0 {
            return Vec::new();
        }
        // It was allocated by `allocate` below, with exactly this size.
        unsafe { Vec::from_raw_parts(data as *mut u8, size, size) }
    }
}

/// The allocator that the host calls. What it gives away comes back through [`Bytes::take`].
pub(crate) fn allocate(size: usize) -> *mut u8 {
    let mut place = Vec::with_capacity(size);
    let address = place.as_mut_ptr();
    std::mem::forget(place);
    address
}

/// Header pairs in the form of the ABI.
pub(crate) fn encode(pairs: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = (pairs.len() as u32).to_le_bytes().to_vec();
    for (name, value) in pairs {
        bytes.extend((name.len() as u32).to_le_bytes());
        bytes.extend((value.len() as u32).to_le_bytes());
    }
    for (name, value) in pairs {
        bytes.extend_from_slice(name);
        bytes.push(0);
        bytes.extend_from_slice(value);
        bytes.push(0);
    }
    bytes
}

/// The pairs of [`encode`]; `None` when they are not exactly of that form.
pub(crate) fn decode(bytes: &[u8]) -> Option<Vec<(&[u8], &[u8])>> {
    if bytes.is_empty() {
        return Some(Vec::new());
    }
    let number = |at: usize| -> Option<usize> {
        let four: [u8; 4] = bytes.get(at..at + 4)?.try_into().ok()?;
        Some(u32::from_le_bytes(four) as usize)
    };
    let count = number(0)?;
    let mut at = 4 + 8 * count;
    let mut take = |size: usize| {
        let text = bytes.get(at..at + size)?;
        let end = *bytes.get(at + size)?;
        at += size + 1;
        (end == 0).then_some(text)
    };
    let mut pairs = Vec::new();
    for index in 0..count {
        pairs.push((take(number(4 + 8 * index)?)?, take(number(8 + 8 * index)?)?));
    }
    (at == bytes.len()).then_some(pairs)
}
