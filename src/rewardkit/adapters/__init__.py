"""What a particular trainer needs beyond a callable."""
