"""Live chats: who is there, in which place of the line, what a visitor may see, and what follows when they leave."""
