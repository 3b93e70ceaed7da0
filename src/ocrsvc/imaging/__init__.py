"""Pictures in: decoding, enhancement and geometry of pages."""
