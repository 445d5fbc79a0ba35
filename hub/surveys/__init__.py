"""What people think of how their matter was handled: asked once after a resolve, on the channel that they used.

``record`` finds rows and names buttons, ``asking`` decides whether and when somebody is asked, ``answering`` takes a
pressed button or a posted page, ``figures`` counts for supervisors.
"""
