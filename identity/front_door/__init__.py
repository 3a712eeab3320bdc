"""The app host's front page: from an e-mail address or a MyDomain's name to the organisation's own sign-in page (H1)."""
