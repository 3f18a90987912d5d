"""The service on the treatment-room computer: drives one pen, records what it did."""
