"""The way out: deliveries are claimed, attempted in the open and settled; effects carry out what rules decided."""
