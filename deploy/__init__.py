"""How the service is deployed: units, manifests, the proxy, and the proof of the image."""
