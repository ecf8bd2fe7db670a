"""What a pretrained teacher knows by heart: finding it, and making it probes."""
