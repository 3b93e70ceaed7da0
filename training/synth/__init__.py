"""Synthetic text lines: fonts, glyph atlas, texts, layout, effects."""
