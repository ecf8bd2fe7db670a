"""Teachers: trained here from scratch or taken from elsewhere, and what they say at each token."""
