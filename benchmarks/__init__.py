"""Benchmarks of the codec against naive code and other codecs: `python -m benchmarks --help`; README.md is here."""
