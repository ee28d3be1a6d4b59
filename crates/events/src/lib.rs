//! The catalogue of Souk's realtime events.
