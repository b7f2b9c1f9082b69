"""How a run is contained on this machine: bubblewrap or Seatbelt."""
