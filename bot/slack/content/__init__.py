"""What is said and shown, as pure values: messages, forms, the Home tab, and the pieces that they are made of."""
