"""HTTP: connection protocol, middleware, authentication, request bodies, schemas and error responses."""
