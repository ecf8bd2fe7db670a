"""How a pretrained teacher is asked to write a corpus, and what is made of it."""
