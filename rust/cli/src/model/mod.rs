//! Trains the payload scorer and judges how it does on sources that it has not seen.

pub mod bags;
mod baseline;
mod ftrl;
mod grams;
mod isotonic;
pub mod judges;
pub mod loso;
pub mod plots;
mod scorer;
pub mod train;
