"""The approval area's pages: each view reads the request, asks the gateway or the projection once, and draws."""
