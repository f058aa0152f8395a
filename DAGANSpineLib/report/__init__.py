"""What a run found: figures, overlays, contact sheets, and the letters in them."""
