"""HTTP: the public listener, the console and the API. Services of the hub never import it."""
