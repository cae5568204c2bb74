//! What a user of the crate can see: files in, models or faults out.

mod bad_files;
mod certificates;
mod circles;
mod docs;
mod effects;
mod guide;
mod include;
mod keys;
mod overrides;
mod robust;
mod schema;
mod tls;
mod values;
mod yaml;
