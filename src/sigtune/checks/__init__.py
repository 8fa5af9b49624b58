"""What is wrong with an input, collected before anything is run."""
