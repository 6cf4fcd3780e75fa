"""The portal's own push device: a phone whose browser holds a key."""
