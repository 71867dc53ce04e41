"""Which replica runs a call: filters, affinity, queues by lane, breakers, further attempts."""
