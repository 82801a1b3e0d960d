"""What scoring, filtering, comparing and reporting know about scored files."""
