"""FDA's NDC directory: read, checked against 21 CFR 1308, kept as drugs."""
