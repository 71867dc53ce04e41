"""The embedded engines: a chat model in a supervised child, embeddings in process."""
