"""What is measured of an arm beside accuracy, likelihood and rank: one metric a file, chosen by `metric`."""
