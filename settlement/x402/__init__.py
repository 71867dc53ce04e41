"""The x402 rail: challenges, payments and their durable state machine, facilitators."""
