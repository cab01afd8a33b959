"""HTTP: protocol, requests, authentication, error responses, schemas."""
