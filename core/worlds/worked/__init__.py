"""Problems with worked solutions, and the checkers that judge them."""
