"""Money: prices, the double-entry ledger, and payouts to labelers."""
