"""The line recogniser: a CRNN (CNN + BiLSTM + CTC)."""
