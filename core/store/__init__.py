"""What the memory map strips, kept outside the weights, to be looked up."""
