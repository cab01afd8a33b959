"""Live sound: a microphone or a pipe as blocks of samples."""
