"""The commands of ``batchin``, one group a file. A command imports what it needs when it runs."""
