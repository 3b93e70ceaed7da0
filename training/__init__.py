"""How the models that ocrsvc ships are made: synthetic data, nets, training, export, measuring."""
