if True:
	x = (__import__("hpo").trial.value("x") if __import__("hpo").trial.given("x") else __import__("hpo").trial.own("x", 1))	# hpo; choice(1, 2)
	if x:
		'''#hpo.choice(3, 4)'''
		y	=	(__import__("hpo").trial.value("y") if __import__("hpo").trial.given("y") else __import__("hpo").trial.own("y", 3))		# after
	print(x, y)
