"""The phone as a device of its own: a page of the portal that keeps a key."""
