"""The incident report: requests with all that is known of them, as one HTML file for people who don't know Kickbot."""
