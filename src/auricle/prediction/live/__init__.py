"""Read live sound as blocks of samples: from a microphone, or from a pipe of raw samples or WAV."""
