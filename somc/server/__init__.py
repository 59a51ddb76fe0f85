"""What the hall shows to browsers, kiosks and machines: HTTP and WebSocket."""
