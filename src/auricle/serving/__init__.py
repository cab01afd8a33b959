"""The HTTP and WebSocket server: sound in from untrusted clients, logged predictions out."""
