"""A stateful double of Stripe as a process of its own, driven by the official SDK: `python -m tests.fake_stripe`."""
