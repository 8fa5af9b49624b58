"""What `python train.py` does with a composed config."""
