"""The Web API's methods, one file for each family; each is a plain function from a Call to Slack's answer."""
