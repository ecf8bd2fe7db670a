"""The forgetting card: what an export says of the checkpoint in it, from that checkpoint's own scores."""
