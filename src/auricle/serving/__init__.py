"""The server: predictions over HTTP and WebSocket, every one of them recorded, for callers that it does not trust."""
