"""Read rows from files, and write scored rows: streamed, and resumable after a kill."""
