"""Bundles of signed prescriptions that can be verified without this program.

21 CFR 1311.305: readable, available, and moved with their signatures.
"""
