"""Teachers: trained here from scratch, and what they say at each token."""
