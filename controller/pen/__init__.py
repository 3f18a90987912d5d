"""What a pen can do, in our units, and the stream of what it did."""
