"""An autoencoder of scikit-learn's digits: a project of its own that sigtune searches for."""
