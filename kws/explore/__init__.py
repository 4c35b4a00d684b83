"""What the recordings say: statistics, and the page that shows them."""
